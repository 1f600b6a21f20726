;; Gnus, which decodes what it finds in text, too. Writes each part of the mail in a file, as it
;; saves it, into a directory:
;;     emacs -Q --batch -l gnus.el FILE DIRECTORY
(require 'gnus-art)
(require 'mm-uu)

(defvar directory-of-parts (cadr command-line-args-left))
(defvar number-of-parts 0)

(defun write-part (content)
  (let ((coding-system-for-write 'no-conversion)
        (file (format "%s/%d" directory-of-parts (cl-incf number-of-parts))))
    (write-region content nil file nil 'quiet)))

(defun write-parts (handles)
  (cond ((stringp handles)) ; the type of a multipart
        ((bufferp (car handles))
         (let ((content (mm-get-part handles)))
           (write-part content)
           (when (equal (mm-handle-media-type handles) "message/rfc822")
             (read-mail content))))
        (t (mapc #'write-parts handles))))

(defun read-mail (mail)
  "As `gnus-request-article-this-buffer' and `gnus-display-mime' do."
  (with-temp-buffer
    (insert (string-replace "\r\n" "\n" mail))
    (article-decode-charset)
    (let ((handles (mm-dissect-buffer nil gnus-article-loose-mime)))
      (if handles (mm-uu-dissect-text-parts handles)
        (setq handles (mm-uu-dissect)))
      (write-parts handles))))

(read-mail (with-temp-buffer
             (set-buffer-multibyte nil)
             (insert-file-contents-literally (car command-line-args-left))
             (buffer-string)))
